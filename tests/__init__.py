"""Tests of restyle; the folders mirror the tree they test."""
