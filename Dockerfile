# The collector alone, from this tree. Runs as a user without rights; writes only to /data.
FROM python:3.13-slim AS build
WORKDIR /src
# What it needs comes first: an edit of the code installs none of it again.
COPY requirements.lock ./
RUN python -m venv /opt/collector \
 && /opt/collector/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY collector ./collector
RUN /opt/collector/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home collector && install -d -o collector -m 0700 /data
COPY --from=build /opt/collector /opt/collector
ENV PATH=/opt/collector/bin:$PATH PYTHONDONTWRITEBYTECODE=1 COLLECTOR_DATA_DIR=/data COLLECTOR_HOST=0.0.0.0
# A number: Kubernetes tells only by it that this is not root.
USER 10001
VOLUME /data
EXPOSE 4318
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["collector", "status"]
ENTRYPOINT ["collector"]
CMD ["serve"]
