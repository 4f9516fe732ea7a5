//! Filter, score, group, select, divide.
