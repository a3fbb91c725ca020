# Seed stack: FastAPI + psycopg 3 async pool: verify signature, parse, look up the tenant, insert one row, 200.
import hashlib, hmac, json, os
from fastapi import FastAPI, Request, Response
from psycopg_pool import AsyncConnectionPool

SECRET = b"peer-secret"
app = FastAPI()
pool = None

@app.on_event("startup")
async def start():
    global pool
    pool = AsyncConnectionPool("host=127.0.0.1 port=25432 user=postgres dbname=peer", min_size=int(os.environ.get("POOL", "20")), max_size=int(os.environ.get("POOL", "20")), kwargs={"autocommit": True}, open=False)
    await pool.open(wait=True)

@app.post("/webhook")
async def hook(request: Request):
    raw = await request.body()
    sig = request.headers.get("x-hub-signature-256", "")
    if not hmac.compare_digest(sig, "sha256=" + hmac.new(SECRET, raw, hashlib.sha256).hexdigest()):
        return Response(status_code=401)
    v = json.loads(raw)["entry"][0]["changes"][0]["value"]
    m = v["messages"][0]
    async with pool.connection() as c:
        cur = await c.execute("select id from tenants where display_phone_number=%s", (v["metadata"]["display_phone_number"],))
        row = await cur.fetchone()
        if not row:
            return Response(status_code=404)
        await c.execute("insert into chat_messages(tenant_id,provider_message_id,wa_from,type,body,payload) values(%s,%s,%s,%s,%s,%s) on conflict (provider_message_id) do nothing",
                        (row[0], m["id"], m["from"], m["type"], m["text"]["body"], raw.decode()))
    return {"status": "ok"}
