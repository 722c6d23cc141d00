"""Whether a quota of which a session's close speaks is the upstream's word, or the client's own."""

from proxyapp.live_api.closing import Closing
from proxyapp.live_api.kept_messages import MOST_KEPT_BYTES
from proxyapp.provider.live_closes import may_tell_of_quota, says_quota
from proxyapp.provider.live_messages import READ_BYTES, Message, as_text, written_in


class OwnWords:
    """Of one session, which may go on for hours: of what came with its setup the words are kept,
    of what came later whether there may have been such words. `_of_setup` None: too many.
    """

    def __init__(self) -> None:
        self._of_setup: str | None = ""
        self._has_later = False

    def note_setup(self, message: Message) -> None:
        if self._of_setup is not None and may_tell_of_quota(written := written_in(message)):
            words = self._of_setup + written
            self._of_setup = words if len(words) <= MOST_KEPT_BYTES else None

    def note_later(self, message: Message) -> None:
        """A long one is not searched."""
        if not self._has_later:
            is_long = len(message) > READ_BYTES
            self._has_later = is_long or may_tell_of_quota(as_text(message))

    def is_of_upstreams_quota(self, closing: Closing) -> bool:
        """None of which the client has spoken itself."""
        words, later = self._of_setup, self._has_later
        if words is None:
            return False
        return says_quota(closing.code, closing.reason, words, may_repeat=later)
