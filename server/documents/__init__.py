"""The OpenAPI document, made of what is declared and checked."""
