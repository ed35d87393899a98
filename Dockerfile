# docker build -t hotdog_ft . && docker run --name hotdog_ft hotdog_ft
# docker cp hotdog_ft:/home/reader/hotdog_ft/build .    # whoever you are on the machine outside
FROM python:3.13-slim-trixie

# MXNet's wheel leaves libgomp and libquadmath to the system; the one for ARM also what tools/arm.sh links
RUN apt-get update && \
    apt-get install --yes --no-install-recommends make libgomp1 \
        $(if [ "$(uname -m)" = aarch64 ]; then echo libopenblas0 liblapacke; else echo libquadmath0; fi) && \
    rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 reader
USER reader
WORKDIR /home/reader/hotdog_ft

# the packages first: they stay as they are while the project changes
COPY --chown=reader tools/*.sh tools/
COPY --chown=reader requirements*.lock ./
RUN sh tools/venv.sh
COPY --chown=reader . .

CMD ["make", "tutorial"]
