"""Rules as people keep them: their life, their tests, their effects told."""
