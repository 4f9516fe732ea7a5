//! (fleet, previous results, reports, now) become new results with their reasons.
