"""Indexes and everything below them, from one place that keeps indexes to another."""
