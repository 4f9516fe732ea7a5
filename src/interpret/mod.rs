//! What a kind means: replicas, health, status, dependencies.
