"""Tests of the asker."""
