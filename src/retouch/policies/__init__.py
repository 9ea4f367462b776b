"""Policies: what turns an observation into an action, and how one is kept on disk.

Importing this package imports no torch: `retouch.policies.checkpoint.load_policy` brings in what a stored policy needs.
"""
