//! Tests that use the library from outside, in one binary.

mod loading;
