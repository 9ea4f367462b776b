"""What the server starts as processes of their own: robot, policy and training. The server imports none of it."""
