"""The site: pages for those who write no SQL, in one static folder.

Whoever only asks whether the pages are up to date imports no template and no chart.
"""

from benepass_tasks.site.code_version import site_code_version
from benepass_tasks.site.ending import tell_end
from benepass_tasks.site.folder import files_of_site

__all__ = ["files_of_site", "site_code_version", "tell_end"]
