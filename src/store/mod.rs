//! The git store: snapshot, publish, refs, wire, triggers.
