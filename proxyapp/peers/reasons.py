"""Why what stands in several of the other gateways' files has no place here."""

from proxyapp.vocabulary.marks import gettext_noop

NO_PLACE = gettext_noop("has no place here")
OF_PROGRAM = gettext_noop("is a setting of that program only")
OF_GATEWAY = gettext_noop("is a setting of this gateway (README, Settings)")
AS_WRITTEN = gettext_noop("requests go on as clients wrote them")
AS_ANSWERED = gettext_noop("answers go on as the provider gives them")
PROVIDER_SAYS = gettext_noop("a cooldown is as long as the provider says")
NOT_COUNTED = gettext_noop("no key is given up by counting; the provider's answer says why")
ALL_TRIED = gettext_noop("every key that is free is tried")
ASKS_FOR_MODELS = gettext_noop("a test asks for the list of models")
OWN_DATABASE = gettext_noop("this gateway has a database of its own")
OWN_ROTATION = gettext_noop(
    "the rotation is this gateway's own (`strategy`, `sticky`, `priority` of a group)"
)
LISTENING = gettext_noop("where to listen says `server` of config.yaml, or `serve --host --port`")
ADMIN = gettext_noop("operators sign in with a user of their own (`manage.py createsuperuser`)")
VERTEX = gettext_noop("docs/PROVIDERS.md has a group for Vertex AI: add these keys there")
MODELS_HAD = gettext_noop("a group says which models it has, not which it has not")
NO_ADDRESS = gettext_noop("names no address: where its keys may go is not known")
LIMITS_OF_GROUP = gettext_noop("say it as `limits` of the group")
