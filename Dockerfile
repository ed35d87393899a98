# docker build -t hotdog_ft . && docker run --name hotdog_ft hotdog_ft
# docker cp hotdog_ft:/home/reader/hotdog_ft/build .    # whoever you are on the machine outside
FROM python:3.13-slim-trixie

# what MXNet's wheel leaves to the system; on ARM also what tools/arm.sh links
RUN case "$(uname -m)" in aarch64) more="libopenblas0 liblapacke";; *) more=libquadmath0;; esac && \
    apt-get update && \
    apt-get install --yes --no-install-recommends make libgomp1 $more && \
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
