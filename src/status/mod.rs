//! Folds members' reports into one status.
