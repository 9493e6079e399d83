"""What people look at: captions, contact sheets, tables as HTML."""
