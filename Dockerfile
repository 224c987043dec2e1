# Two images from one file:
#   docker build --target site --tag goldfold-site .    pages, light worker, beat: no torch, some 700 MB
#   docker build --target full --tag goldfold-full .    heavy worker and scoring: everything
#
# On x86-64 the ordinary torch brings gigabytes for NVIDIA cards. Where there is none, give PyTorch's own index of builds
# for the processor alone, which pip prefers (2.13.0+cpu is newer than 2.13.0): --build-arg TORCH_INDEX=ADDRESS
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    GOLDFOLD_HOME=/var/lib/goldfold \
    PATH=/opt/venv/bin:$PATH
# The folder of files belongs to the user before a volume is mounted there, so that the volume does too.
RUN groupadd --gid 10001 goldfold \
    && useradd --uid 10001 --gid goldfold --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin goldfold \
    && install --directory --owner=goldfold --group=goldfold --mode=0750 /var/lib/goldfold
WORKDIR /app

FROM base AS site-packages
RUN python -m venv /opt/venv
COPY requirements-site.txt constraints.txt ./
RUN pip install --requirement requirements-site.txt

FROM site-packages AS all-packages
ARG TORCH_INDEX=
COPY requirements.txt ./
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --requirement requirements.txt

FROM base AS site
COPY --from=site-packages /opt/venv /opt/venv
COPY . .
RUN python manage.py collectstatic --noinput
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket"]

FROM base AS full
COPY --from=all-packages /opt/venv /opt/venv
COPY . .
RUN python manage.py collectstatic --noinput
USER 10001:10001
EXPOSE 8001
CMD ["gunicorn", "config.scoring_wsgi", "--bind", "0.0.0.0:8001", "--worker-class", "gthread", "--threads", "4", "--timeout", "120", "--no-control-socket"]
