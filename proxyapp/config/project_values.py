"""The `projects` of a config file: what is set of those that its keys name."""

from proxyapp.config.setting_values import SettingValues
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.project_fields import PROJECT_FIELDS, ProjectSettings

# The name is where the settings stand.
FIELDS = PROJECT_FIELDS[1:]
NAMES = tuple(field.name for field in FIELDS)
(NAME,) = PROJECT_FIELDS[:1]


class ProjectsOfFile(SettingValues):
    def projects(self, value: object) -> tuple[ProjectSettings, ...]:
        what = _("projects with settings, such as {my-project: {tier: free}}")
        entries = self.entries({} if value is None else value, "projects", what)
        projects = {}
        for given, settings in entries.items():
            place, name = f"projects.{given[:100]}", given.strip()
            if problem := NAME.check(False)(name):
                self.wrong(place, _("the name %(problem)s") % {"problem": problem})
            elif name in projects:
                self.wrong(place, _("stands here again"))
            elif (fields := self.mapping(settings, place, NAMES)) is not None:
                projects[name] = ProjectSettings(name, **self.settings(fields, FIELDS, place))
        return tuple(projects.values())
