//! The control loop as a pure state machine.
