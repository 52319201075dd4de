"""The site: pages for those who write no SQL, in one static folder.

To ask whether the pages are up to date imports no template and no chart.
"""

from benepass_tasks.site.code_version import SiteCode
from benepass_tasks.site.ending import tell_anew, tell_end
from benepass_tasks.site.folder import files_of_site

FIRST_PAGE = "index.html"

__all__ = ["FIRST_PAGE", "SiteCode", "files_of_site", "tell_anew", "tell_end"]
