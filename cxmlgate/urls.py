"""The gate's one address, with and without a slash; whatever stands for the client, the answer is cXML.

The words of DESIGN §7: POST /{client}/cxmlgate/abc/status_update_request.
"""

from django.urls import re_path

from cxmlgate.views import ADDRESS, status_update_request

urlpatterns = [re_path(f"^{ADDRESS}", status_update_request, name="cxmlgate")]
