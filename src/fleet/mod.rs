//! A commit's files become a typed, validated and indexed fleet, or Problems.
