"""What the platform's API and we agree on: messages, keys, states, object types, progress, log lines. Pure."""
