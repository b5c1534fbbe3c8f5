"""The description of the API as it is served; browser/test_docs.py reads its page."""

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from server import running


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path) as server:
        yield server


async def test_the_document_is_there_for_everybody(server):
    response = await server.client.get("/openapi.json")
    assert response.status == 200
    assert response.content_type == "application/json"
    document = await response.json()
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert "/v1/sessions/{id}" in document["paths"]


async def test_who_has_the_document_is_not_sent_it_again(server):
    etag = (await server.client.get("/openapi.json")).headers["ETag"]
    for known in (etag, f'"another", {etag}', f"W/{etag}"):
        response = await server.client.get("/openapi.json", headers={"If-None-Match": known})
        assert response.status == 304
        assert await response.read() == b""
    response = await server.client.get("/openapi.json", headers={"If-None-Match": '"another"'})
    assert response.status == 200


async def test_head_says_how_long_the_document_is(server):
    whole = await (await server.client.get("/openapi.json")).read()
    head = await server.client.head("/openapi.json")
    assert int(head.headers["Content-Length"]) == len(whole)


async def test_the_page_has_no_script_or_style_of_its_own_text(server):
    response = await server.client.get("/docs")
    assert response.content_type == "text/html"
    page = await response.text()
    assert "<style" not in page
    assert "style=" not in page
    assert page.count("<script") == page.count('<script type="module" src=') == 1
