//! Feeds events to the engine and performs its effects.
