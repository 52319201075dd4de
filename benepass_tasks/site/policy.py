"""What a page may load: its own files, and nothing from anywhere else."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; form-action 'none'; base-uri 'none'"
)
"""The Content-Security-Policy of every page. Styles may stand in it, since charts have some."""
