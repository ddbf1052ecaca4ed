# The collector alone, from this tree. Runs as a user without rights; writes only to /data.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY collector ./collector
RUN python -m venv /opt/collector \
 && /opt/collector/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /opt/collector/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home collector && install -d -o collector -m 0700 /data
COPY --from=build /opt/collector /opt/collector
ENV PATH=/opt/collector/bin:$PATH PYTHONDONTWRITEBYTECODE=1 COLLECTOR_DATA_DIR=/data COLLECTOR_HOST=0.0.0.0
USER collector
VOLUME /data
EXPOSE 4318
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["collector", "status"]
ENTRYPOINT ["collector"]
CMD ["serve"]
