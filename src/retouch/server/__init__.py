"""The server that people use: logins, pages, transport. It imports neither torch nor mujoco (docs/protocol.md)."""
