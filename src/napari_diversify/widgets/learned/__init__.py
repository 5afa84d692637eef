"""The dock "Learn": trainings and models; and the forms of steps that use models."""
