"""Addresses of APIs, as multiaddresses and as URLs."""

import pytest
from thespis.runtime.http.address import PORT_MAX, HttpAddress, HttpAddressError, api_info

TOKEN = "eyJhbGciOi.eyJBbGxvdyI6-_.abcDEF_-9"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("/ip4/127.0.0.1/tcp/1234/http", "http://127.0.0.1:1234"),
        ("/ip4/127.0.0.1/tcp/1234", "http://127.0.0.1:1234"),
        ("/ip6/::1/tcp/1234/http", "http://[::1]:1234"),
        (f"/ip4/1.2.3.4/tcp/{PORT_MAX}", f"http://1.2.3.4:{PORT_MAX}"),
        ("/dns/node.example/tcp/443/https", "https://node.example:443"),
        ("/dns4/node.example/tcp/443/wss", "https://node.example:443"),
        ("http://127.0.0.1:1234", "http://127.0.0.1:1234"),
        ("http://127.0.0.1:1234/", "http://127.0.0.1:1234"),
        ("ws://[::1]:1234", "http://[::1]:1234"),
        ("https://node.example", "https://node.example:443"),
        ("https://node.example/lotus/", "https://node.example:443/lotus"),
    ],
)
def test_every_form_leads_to_one_url(text, url):
    assert HttpAddress.from_text(text).url == url
    assert api_info(text) == ("", text)
    assert api_info(f"{TOKEN}:{text}") == (TOKEN, text)
    assert HttpAddress.from_text(api_info(f"{TOKEN}:{text}\n")[1]).url == url


def test_what_listens_says_where_by_the_same_forms():
    for text in ("/ip4/127.0.0.1/tcp/0/http", "/ip6/::1/tcp/0/http", "/dns4/localhost/tcp/0/http"):
        said = HttpAddress.from_text(text).multiaddress(77)
        assert said == text.replace("/0/", "/77/")
        assert HttpAddress.from_text(said).port == 77
    assert HttpAddress.from_text("/ip6/::1/tcp/5").bind == "[::1]:5"


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "/ip4/1.2.3.4", "127.0.0.1:80", "/ip4/1.2.3.4/udp/5", "/ip4/::1/tcp/5", "/ip6/1.2.3.4/tcp/5",
        f"/ip4/1.2.3.4/tcp/{PORT_MAX + 1}", "/ip4/1.2.3.4/tcp/-1", "/ip4/1.2.3.4/tcp/x", "/ip4/1.2.3.4/tcp/5/quic", "ftp://a:1",
        "http://", "http://a:99999", "http://[::1:80", f"{TOKEN}", "/dns4/1.2.3.4/tcp/5", "/ip4//tcp/5", "http://a:x",
    ],
)  # fmt: skip
def test_what_is_none_is_named_with_what_one_looks_like(text):
    with pytest.raises(HttpAddressError, match="no address of an API") as caught:
        HttpAddress.from_text(text)
    assert text[:20] in str(caught.value)
