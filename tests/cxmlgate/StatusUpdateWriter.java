import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamWriter;

/** Writes messages with the JDK's StAX: a line of tab-separated words in, a file out. */
class StatusUpdateWriter {
    private static XMLStreamWriter xml;

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] said = line.split("\t", -1);
            try (OutputStream out = Files.newOutputStream(Path.of(said[0]))) {
                write(out, said);
            }
        }
    }

    private static void write(OutputStream out, String[] said) throws Exception {
        String encoding = said[1];
        if (encoding.equals("UTF-16LE")) {
            out.write(new byte[] {(byte) 0xff, (byte) 0xfe});
        } else if (encoding.equals("UTF-16BE")) {
            out.write(new byte[] {(byte) 0xfe, (byte) 0xff});
        }
        xml = XMLOutputFactory.newInstance().createXMLStreamWriter(out, encoding);
        xml.writeStartDocument(encoding, "1.0");
        xml.writeDTD("<!DOCTYPE cXML SYSTEM \"http://xml.cxml.org/schemas/cXML/1.2.069/cXML.dtd\">");
        open("cXML", "payloadID", said[2], "timestamp", said[3], "version", "1.2.069", "xml:lang", "en-US");
        open("Header");
        open("From");
        credential(said[4], null);
        xml.writeEndElement();
        open("To");
        credential("desk", null);
        xml.writeEndElement();
        open("Sender");
        credential(said[4], said[5]);
        leaf("UserAgent", "JDK");
        xml.writeEndElement();
        xml.writeEndElement();
        open("Request");
        open("StatusUpdateRequest");
        xml.writeEmptyElement("DocumentReference");
        xml.writeAttribute("payloadID", said[7]);
        xml.writeEmptyElement("Status");
        xml.writeAttribute("code", "200");
        xml.writeAttribute("text", "OK");
        open("InvoiceStatus", "type", said[6]);
        open("PartialAmount");
        leaf("Money", said[8], "currency", said[9]);
        xml.writeEndElement();
        leaf("Comments", said[10]);
        xml.writeEndDocument();
        xml.close();
    }

    private static void credential(String identity, String secret) throws Exception {
        open("Credential", "domain", "NetworkId");
        leaf("Identity", identity);
        if (secret != null) {
            leaf("SharedSecret", secret);
        }
        xml.writeEndElement();
    }

    private static void leaf(String name, String text, String... attributes) throws Exception {
        open(name, attributes);
        xml.writeCharacters(text);
        xml.writeEndElement();
    }

    private static void open(String name, String... attributes) throws Exception {
        xml.writeStartElement(name);
        for (int at = 0; at < attributes.length; at += 2) {
            xml.writeAttribute(attributes[at], attributes[at + 1]);
        }
    }
}
