"""Settings of commands that work on the database itself."""

from entrypoints import bootstrap
from entrypoints.settings import Settings, load_settings


def settings_here() -> Settings:
    """The settings; over the database of a `jobledger up` that runs here, where they name none."""
    settings = load_settings()
    if settings.transaction_pooler_url or settings.migration_url:
        return settings
    server = bootstrap.embedded_postgres(settings)
    if not server.is_running:
        return settings
    owner_url = server.url_as("postgres", database=bootstrap.EMBEDDED_DATABASE)
    service_url = server.url_as("jobledger_service", database=bootstrap.EMBEDDED_DATABASE)
    return settings.over(owner_url=owner_url, service_url=service_url)
