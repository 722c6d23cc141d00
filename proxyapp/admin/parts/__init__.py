"""What several pages are made of: badges, cells, filters, charts, downloads."""
