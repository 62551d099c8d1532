//! Delivers into a folder, atomically; the model for other adapters.
