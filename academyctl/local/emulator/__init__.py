"""ministack with what the platform needs of AWS and it lacks; each module adds one service's part by `install()`."""
