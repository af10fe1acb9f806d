"""Bundle and frames in, affect out. Nothing here imports torch, so what deploys stays small."""
