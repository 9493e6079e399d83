"""Many runs of the workflow, each stopped at a random moment and continued, compared with one that was not."""
