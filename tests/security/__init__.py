"""Tests of what docs/security.md promises."""
