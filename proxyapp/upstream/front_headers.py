"""Headers of whoever stands in front of the gateway, and which therefore stay here.

They tell clients' addresses and names to a provider, and make its own front refuse a request that
seems to have come by another one before. A header of the client's own for an API stays untouched
(`x-goog-api-client`, `anthropic-*`, `openai-*`, `x-stainless-*`, `traceparent` …).
"""

from typing import NamedTuple


class Front(NamedTuple):
    """`names`: in lower case; one that ends in `*` is a beginning."""

    who: str
    source: str
    names: str


# What an API itself takes, though it begins like a front's: Amazon's Bedrock and SageMaker, and
# Cloudflare's AI gateway.
OF_APIS = ("x-amzn-bedrock-", "x-amzn-sagemaker-", "cf-aig-")

FRONTS = (
    Front(
        "any proxy, by standard",
        "RFC 7239, 8470, 8586, 9110 (7.6), 9440; W3C Edge Architecture",
        "forwarded* via max-forwards cdn-* early-data client-cert* http2-settings"
        " surrogate-capability",
    ),
    Front(
        "any proxy, by habit (nginx, Caddy, Traefik, Apache, HAProxy, Varnish, Squid)",
        "https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers",
        "x-forward* x-real-* x-client-ip x-client-port x-client-proto x-client-scheme client-ip"
        " x-cluster-* x-original-* x-originating-* x-remote-* x-rewrite-url x-scheme x-url-scheme"
        " x-https front-end-https x-proxy* proxy-* x-nginx-* x-haproxy-* x-traefik-* x-varnish*"
        " x-request-start x-queue-start x-accel-* x-sendfile* x-script-name x-geoip* geoip-*"
        " x-geo-* z-forwarded-for x-bluecoat-via x-imforwards",
    ),
    Front(
        "what ends TLS and asks for client certificates (HAProxy, nginx, ingress-nginx)",
        "https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/",
        "x-ssl* ssl-* x-tls-* x-client-cert* x-client-dn x-client-verify x-client-s-dn"
        " x-client-i-dn",
    ),
    Front(
        "log-in proxies (Authelia, authentik, oauth2-proxy, Pomerium, mod_auth_openidc, Tailscale)",
        "https://www.authelia.com/integration/trusted-header-sso/introduction/",
        "remote-* x-auth-request-* x-authentik-* x-pomerium-* x-tinyauth-* x-vouch-* x-webauth-*"
        " x-authenticated-* x-auth-user x-auth-username x-auth-userid x-auth-email x-auth-name"
        " x-auth-groups x-auth-roles x-auth-subject x-auth-audience x-auth-expiresin"
        " x-jwt-assertion x-jwt-payload oidc-* mellon-* tailscale-* ngrok-auth-*",
    ),
    Front(
        "API gateways and meshes (Envoy, Istio, Linkerd, Kong, APISIX)",
        "https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers",
        "x-envoy-* x-istio-* l5d-* x-kong-* x-consumer-* x-credential-identifier"
        " x-anonymous-consumer",
    ),
    Front(
        "Cloudflare",
        "https://developers.cloudflare.com/fundamentals/reference/http-headers/",
        "cf-* true-client-*",
    ),
    Front(
        "Fastly",
        "https://www.fastly.com/documentation/reference/http/http-headers/",
        "fastly-* x-fastly-*",
    ),
    Front(
        "Akamai",
        "https://techdocs.akamai.com/property-mgr/docs/std-caching-headers",
        "akamai-* x-akamai* x-edge-*",
    ),
    Front(
        "Amazon (ALB, CloudFront, API Gateway)",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html",
        "x-amzn-* x-amz-cf-* cloudfront-*",
    ),
    Front(
        "Google (load balancers, IAP, App Engine, Cloud Run, API Gateway)",
        "https://cloud.google.com/load-balancing/docs/https/custom-headers",
        "x-cloud-trace-context x-google-* x-appengine-* x-goog-iap-* x-goog-authenticated-user-*"
        " x-serverless-authorization x-cloudscheduler* x-client-region* x-client-city*"
        " x-client-geo-* x-client-rtt-* x-apigateway-* x-endpoint-api-userinfo",
    ),
    Front(
        "Azure (Front Door, App Service and its log-in, Application Gateway)",
        "https://learn.microsoft.com/azure/frontdoor/front-door-http-headers-protocol",
        "x-azure-* x-fd-* x-arr-* x-appservice-* x-appgw-* x-site-deployment-id x-waws-*"
        " x-ms-client-principal* x-ms-token-* x-ms-containerapp-* x-k8se-* was-default-hostname"
        " disguised-host",
    ),
    Front(
        "hosters (Fly, Vercel, Netlify, Railway, Render, Heroku, DigitalOcean, Koyeb)",
        "https://fly.io/docs/networking/request-headers/",
        "fly-* x-vercel-* x-now-* x-nf-* x-netlify-* x-railway-* x-render-* rndr-* render-proxy-*"
        " x-heroku-* connect-time total-route-time do-connecting-ip koyeb-* x-koyeb-*",
    ),
    Front(
        "others (Imperva, Sucuri, KeyCDN, Edgio, Gcore, EdgeOne, Alibaba, WebLogic)",
        "https://docs.imperva.com/bundle/cloud-application-security/page/more/headers.htm",
        "incap-* x-incap-* x-sucuri-* x-pull x-ec-* x-sp-edge-* x-gcore-* eo-* ali-cdn-*"
        " ali-swift-* eagleeye-* wl-proxy-*",
    ),
)
_WORDS = [word for front in FRONTS for word in front.names.split()]
NAMES = frozenset(word.encode() for word in _WORDS if not word.endswith("*"))
BEGINNINGS = tuple(word[:-1].encode() for word in _WORDS if word.endswith("*"))
API_BEGINNINGS = tuple(word.encode() for word in OF_APIS)
# What a front acts on when it stands in an answer: sends a file of its own, asks another address,
# rewrites the page, stops to ask this gateway. (nginx; Apache, lighttpd and others with X-Sendfile;
# LiteSpeed; Perlbal; Fly; Vercel; Varnish, Fastly and Akamai; Envoy.)
ORDERS = frozenset(
    {
        b"surrogate-control",
        b"edge-control",
        b"x-envoy-immediate-health-check-fail",
        b"x-envoy-overloaded",
    }
)
ORDER_BEGINNINGS = (
    b"x-accel-",
    b"x-sendfile",
    b"x-lighttpd-",
    b"x-litespeed-",
    b"x-reproxy-",
    b"fly-replay",
    b"x-middleware-",
)


def is_of_front(name: bytes) -> bool:
    """Of a request. `name`: in lower case, with hyphens."""
    if name in NAMES:
        return True
    return name.startswith(BEGINNINGS) and not name.startswith(API_BEGINNINGS)


def is_order_to_front(name: bytes) -> bool:
    """Of an answer. `name`: in lower case, with hyphens."""
    return name in ORDERS or name.startswith(ORDER_BEGINNINGS)
