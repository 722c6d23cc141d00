# docker build -t gemini-gateway .
# What it keeps is in one volume, /var/lib/gateway. It writes nowhere else, and needs no right of root.

FROM python:3.13-trixie AS build
WORKDIR /opt/gateway
COPY requirements.txt requirements-compile.txt ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt \
    && python -m venv /compile \
    && /compile/bin/pip install --no-cache-dir --require-hashes -r requirements-compile.txt
COPY manage.py pyproject.toml setup.py ./
COPY gateway gateway
COPY proxyapp proxyapp
COPY templates templates
RUN /compile/bin/python setup.py --quiet build_ext --inplace \
    && rm -rf build setup.py requirements-compile.txt \
    && .venv/bin/python -m compileall -q gateway proxyapp

FROM python:3.13-slim-trixie
RUN groupadd --gid 10001 gateway \
    && useradd --uid 10001 --gid gateway --no-create-home --home-dir /var/lib/gateway --shell /usr/sbin/nologin gateway \
    && install -d -m 700 -o gateway -g gateway /var/lib/gateway
COPY --from=build /opt/gateway /opt/gateway
WORKDIR /opt/gateway
ENV PATH=/opt/gateway/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    VAR_DIR=/var/lib/gateway \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /var/lib/gateway
EXPOSE 8080
# Exits with 0 when the process answers; what keys and database do says /readyz.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python", "-S", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["python", "manage.py"]
# All addresses, of IPv6 too.
CMD ["serve", "--host", "::", "--port", "8080"]
