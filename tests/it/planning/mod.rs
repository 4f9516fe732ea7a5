//! Plans: golden cases with their reasons, and what holds for every plan.

mod along;
mod at_odds;
mod case;
mod explained;
mod golden;
mod library;
mod no_answer;
mod properties;
mod results;
mod room;
mod rules;
mod takeover;
