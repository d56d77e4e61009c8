"""The OpenAPI document, made from route entries and Structs."""
