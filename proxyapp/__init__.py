"""The gateway's application; whether its hot modules run compiled is chosen before they load."""

from gateway import compiled

compiled.choose()
