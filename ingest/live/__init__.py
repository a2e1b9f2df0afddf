"""Live view: a camera's own pictures, repacked for browsers and never decoded, while somebody looks."""
