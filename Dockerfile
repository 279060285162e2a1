# The server alone: `make image`, then `docker compose up`. It has no DVC, Optuna or datasets, and trains nothing.
FROM python:3.11-slim AS packages
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /build
COPY pyproject.toml requirements.lock ./
COPY .ci/serving_requirements.py .ci/
RUN python -m venv /venv \
 && python .ci/serving_requirements.py > serving.txt \
 && /venv/bin/pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" --constraint requirements.lock --requirement serving.txt
COPY README.md ./
COPY pipeline pipeline
RUN /venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /srv server
COPY --from=packages /venv /venv
WORKDIR /srv
COPY params.yaml ./
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp MLFLOW_DISABLE_TELEMETRY=true TASK=imdb CHAMPIONS=models/champions
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["/venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=2)"]
# The shell is replaced by the server, which gets SIGTERM itself. An empty CHAMPIONS means the registry at MLFLOW_TRACKING_URI.
CMD ["sh", "-c", "exec /venv/bin/python -m pipeline serve --task \"$TASK\" --host 0.0.0.0 --champions \"$CHAMPIONS\""]
