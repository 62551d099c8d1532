//! Delivers by a configurable HTTP request.
