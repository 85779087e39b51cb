"""Tests of the answerer."""
