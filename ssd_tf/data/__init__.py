"""Sources of annotated images, and what happens to them before training."""
