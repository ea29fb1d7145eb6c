//! switchtower
