//! The executor: makes one member match its work and observes it.
