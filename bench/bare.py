"""The limit beside which intake is measured: the same server and framework, one JSON body, one ORM insert, no more."""

import json

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def insert(request: HttpRequest) -> JsonResponse:
    from django.utils import timezone

    from jiying.desk.models import Customer

    given = json.loads(request.body)
    row = Customer.objects.create(
        name=given["subject"][:120], address=given["description"][:300], created_at=timezone.now()
    )
    return JsonResponse({"id": row.pk}, status=201)


urlpatterns = [path("bare", insert)]
